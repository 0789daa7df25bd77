import { podmanMissing, PodmanService } from '../support/podman-service';
import { onEngine } from './real-engine';
import { runConformance } from './run-conformance';

describe('the Docker runtime over Podman', () => {
  let podman: PodmanService;
  before(async function () {
    const reason = podmanMissing();
    if (reason !== undefined) {
      console.log(`      left out: ${reason}`);
      return this.skip();
    }
    podman = await PodmanService.start(['node:24-slim', 'nginx:1.30', 'haproxy:3.2']);
  });
  after(() => podman?.[Symbol.asyncDispose]());

  runConformance(() => onEngine({ host: podman.host }));
});
