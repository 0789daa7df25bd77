import type { StackSpec } from '@plumbstack/core';
import type { CallOptions, DockerReader, NetworkSummary } from './client/docker-client.js';
import type { FileDigests } from './client/file-digests.js';
import { planAddresses } from './compile/address-plan.js';
import { compileStack } from './compile/compile-stack.js';
import type { DockerSpec } from './compile/docker-spec.js';
import { withFronts } from './compile/fronts.js';
import { isIPv4Subnet } from './compile/ipv4.js';
import type { Inputs } from './compile/inputs.js';
import { refuseNamesakes } from './namesakes.js';
import { observeStack } from './observe/observe-stack.js';
import { readInputs, type BuiltImages } from './observe/read-inputs.js';
import type { SecretValues } from './observe/read-secrets.js';
import { diff, type Diff } from './plan/diff.js';
import { refuseOtherVolumes } from './plan/fixed-volumes.js';
import { withOtherSettings } from './plan/settings.js';
import { takenAddresses, type ObservedState } from './plan/observed-state.js';

/** What is described, what is seen, and what lies between. */
export interface Survey {
  readonly desired: DockerSpec;
  readonly observed: ObservedState;
  readonly inputs: Inputs;
  readonly diff: Diff;
  /** Networks are to be made, and nothing is known of what their machine reaches beside them. */
  readonly isMachineUnseen: boolean;
}

export interface SurveyOptions extends CallOptions {
  readonly baseDir: string;
  readonly addressPool: string;
  readonly secretValues: SecretValues;
  /** Subnets that the engine does not take for a network, whatever it lists. */
  readonly refused: readonly string[];
  /** What a run has found that the engine's machine reaches. @default what can be seen from here */
  readonly machine: readonly string[] | undefined;
  /** What tells programs in containers which proxies lead out. */
  readonly proxies: Readonly<Record<string, string>>;
  /** Whether the engine runs on this machine. */
  readonly local: boolean;
  /** Of the files in build contexts. */
  readonly digests: FileDigests;
  /** By resource, the images that this run has built, or found. */
  readonly built: BuiltImages;
}

/** Looks, and compares. Has no way to change anything: it is given a reader. */
export async function surveyStack(
  reader: DockerReader,
  declared: StackSpec,
  options: SurveyOptions,
): Promise<Survey> {
  const { baseDir, addressPool, secretValues, refused, machine, proxies, local, digests, built, signal } =
    options;
  const call: CallOptions = signal === undefined ? {} : { signal };
  const spec = withFronts(declared);
  const observed = await observeStack(reader, spec.name, call);
  const seen = machine === undefined ? await reader.machineSubnets(call) : undefined;
  const inputs = await readInputs(reader, spec, observed, {
    baseDir,
    secretValues,
    proxies,
    local,
    // A run learns of an engine elsewhere alone what its machine reaches.
    isHere: seen !== undefined,
    digests,
    built,
    ...call,
  });
  const reached = machine ?? seen;
  const addresses = planAddresses(spec, takenAddresses(observed), {
    pool: addressPool,
    others: [...subnetsOf(observed.otherNetworks), ...refused],
    avoided: machineSubnets(reached ?? [], observed),
  });
  const desired = compileStack(spec, addresses, inputs);
  refuseOtherVolumes(desired, observed);
  const complete = { ...observed, settings: await readSettings(reader, desired, observed, call) };
  const found = diff(desired, complete);
  await refuseNamesakes(reader, desired, observed, found.plan.steps, call);
  const isMachineUnseen =
    reached === undefined &&
    spec.subnet === undefined &&
    found.plan.steps.some(({ kind, action }) => kind === 'network' && ['create', 'replace'].includes(action));
  return { desired, observed: complete, inputs, diff: found, isMachineUnseen };
}

/** Asks about the few containers whose labels cannot tell. */
async function readSettings(
  reader: DockerReader,
  { units }: DockerSpec,
  observed: ObservedState,
  call: CallOptions,
): Promise<ObservedState['settings']> {
  const entries = withOtherSettings(units, observed).map(async (id) => {
    const details = await reader.inspectContainer(id, call);
    return details === undefined ? [] : [[id, details.settings] as const];
  });
  return Object.fromEntries((await Promise.all(entries)).flat());
}

/** What the engine's machine reaches beside the engine's networks, each of which is one of its routes too. */
function machineSubnets(
  reached: readonly string[],
  { networks, otherNetworks }: ObservedState,
): readonly string[] {
  const engines = new Set([...networks, ...otherNetworks].flatMap(({ subnets }) => subnets));
  return reached.filter((each) => isIPv4Subnet(each) && !engines.has(each));
}

function subnetsOf(networks: readonly NetworkSummary[]): readonly string[] {
  return networks.flatMap(({ subnets }) => subnets.filter(isIPv4Subnet));
}
