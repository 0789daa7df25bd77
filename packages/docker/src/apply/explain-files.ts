import { PlumbstackError } from '@plumbstack/core';
import { inTheWay } from '../client/docker-failure.js';
import type { NewContainer } from './create-container.js';
import { declaredPathOf, type RunContext } from './run-context.js';

/** Why files cannot be put where they should be: only the image knows what is there. Any other error stays as it is. */
export function explainFiles(context: RunContext, wanted: NewContainer, error: unknown): unknown {
  const found = inTheWay(error);
  if (found === undefined) return error;
  const targets = wanted.template.files.flatMap(({ folder, files }) =>
    files.map(({ path }) => `${folder === '/' ? '' : folder}/${path}`),
  );
  // The engine names a file from the folder that it is put into.
  const { is, path = '' } = found;
  const named = targets.filter((each) => path !== '' && each.endsWith(`/${path}`));
  const which = named.length > 0 ? named : targets;
  const { image } = wanted.template.creation;
  return new PlumbstackError(
    'INVALID_STACK',
    `${which.join(', ')} cannot be put into a container of ${image}: ${words[is]}.`,
    {
      resource: declaredPathOf(context, wanted.resource),
      details: { image, targets: which },
      hint: 'Give the file, or secret, another target.',
      cause: error,
    },
  );
}

const words = {
  folder: 'the image has a folder of that name',
  file: 'the image has a file where its folder would be',
  link: 'the root is read-only, and in the image a link is where its folder would be',
} as const;
