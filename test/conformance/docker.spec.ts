import { onEngine } from './real-engine';
import { runConformance } from './run-conformance';

describe('the Docker runtime', () => {
  runConformance(onEngine);
});
