import type { StackSpec } from '@plumbstack/core';
import type { PutFile } from '../client/docker-client.js';
import type { ContainerTemplate, DockerSpec, Unit } from '../compile/docker-spec.js';
import { own } from '../compile/own.js';
import { canonicalJson, contentDigest, digestOf } from '../compile/spec-hash.js';
import { isIn } from './container-networks.js';
import type { ObservedState } from './observed-state.js';

/**
 * Everything that the plan depends on, so that another world or another program gives another value. Addresses and free
 * ports that are yet to be chosen are neither.
 */
export function fingerprint({ spec, images, generated, units }: DockerSpec, observed: ObservedState): string {
  return digestOf({
    desired: [
      withoutTexts(spec),
      images,
      generated.flatMap(({ resource, due }) => (due === undefined ? [] : [[resource, due]])),
      units.flatMap((unit) => templatesOf(unit).map(({ identity: { ports: _, ...rest } }) => rest)),
      units.flatMap((unit) => ('config' in unit ? unit.config.files : [])).map(contentOf),
      units
        .flatMap((unit) => ('config' in unit ? unit.config.contents : []))
        .map(({ path, content }) => [path, content.digest]),
    ],
    observed: [
      sorted(observed.networks.map(({ id, name, subnets }) => ({ id, name, subnets }))),
      sorted(
        observed.containers.map((each) => {
          const { id, name, resource, role, worker, address, state, digest } = each;
          const settings = own(observed.settings, id);
          return {
            id,
            name,
            resource,
            role,
            worker,
            address,
            state,
            digest,
            settings,
            networks: sorted(
              observed.networks.map(({ name }) => name).filter((name) => isIn(each, name, observed)),
            ),
          };
        }),
      ),
      sorted(observed.volumes.map(({ name }) => name)),
      Object.fromEntries(
        Object.entries(observed.configs).map(([resource, files]) => [
          resource,
          sorted([...files].map(([path, content]) => contentOf({ path, content }))),
        ]),
      ),
    ],
  });
}

/** Texts that the program puts into containers may be large; their digests are in the containers' identities. */
function withoutTexts({ resources, ...rest }: StackSpec): unknown {
  return {
    ...rest,
    resources: resources.map((each) =>
      'files' in each ? { ...each, files: each.files.map(({ content: _, ...file }) => file) } : each,
    ),
  };
}

function contentOf({ path, content }: Pick<PutFile, 'path' | 'content'>): readonly string[] {
  return [path, contentDigest(content)];
}

/** The engine lists what it has in no order that means anything. */
function sorted(list: readonly unknown[]): readonly string[] {
  return list.map(canonicalJson).sort();
}

function templatesOf(unit: Unit): readonly ContainerTemplate[] {
  return unit.kind === 'pool' ? [unit.container, unit.worker.container] : [unit.container];
}
