import { PlumbstackError, type ContainerSpec, type SecretMountSpec } from '@plumbstack/core';
import type { ResolvedImage } from './docker-spec.js';

// Reads each file into its variable, then becomes the program. Builtins alone, because a small image may have nothing
// else; a value is only ever assigned, never parsed. Its own variables have names that no program looks for: one that
// was in the environment already would be exported with what the script puts into it.
// https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html
const script = [
  "plumbstack_end='\n'",
  'while [ "$1" != -- ]; do',
  '  plumbstack_value= plumbstack_line=',
  '  while IFS= read -r plumbstack_line || [ -n "$plumbstack_line" ]; do',
  '    plumbstack_value=$plumbstack_value$plumbstack_line$plumbstack_end plumbstack_line=',
  '  done < "$2" || exit 126',
  '  while [ "${plumbstack_value%"$plumbstack_end"}" != "$plumbstack_value" ]; do',
  '    plumbstack_value=${plumbstack_value%"$plumbstack_end"}',
  '  done',
  '  export "$1=$plumbstack_value"',
  '  shift 2',
  'done',
  'shift',
  'unset plumbstack_value plumbstack_line plumbstack_end',
  'exec "$@"',
].join('\n');

export const shell = '/bin/sh';

/**
 * What a container runs so that its program finds secrets in its environment. The engine is told names of variables and
 * files only: its own list of variables is what `docker inspect` shows to everybody.
 */
export function startedWithSecrets(
  resource: string,
  spec: ContainerSpec,
  image: ResolvedImage,
  variables: readonly SecretMountSpec[],
): { readonly entrypoint: readonly string[]; readonly command: readonly string[] } {
  // As the engine has it: an entry point of one's own leaves out the image's command.
  const { entrypoint = image.entrypoint } = spec;
  const command = spec.command ?? (spec.entrypoint === undefined ? image.command : []);
  const program = [...entrypoint, ...command];
  if (program.length === 0 && image.id !== undefined) {
    throw new PlumbstackError(
      'INVALID_STACK',
      `neither it nor the image ${image.reference} says what to run.`,
      {
        resource,
        hint: 'Give it a command.',
      },
    );
  }
  const pairs = variables.flatMap(({ env = '', target }) => [env, target]);
  return { entrypoint: [shell, '-c', script, 'plumbstack', ...pairs, '--'], command: program };
}
