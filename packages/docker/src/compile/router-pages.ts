import type { RouterSpec } from '@plumbstack/core';
import { noContent, type Content, type TemplateFile } from './content.js';
import type { Inputs } from './inputs.js';
import { own } from './own.js';
import { configFolder, proxyUser } from './proxy-container.js';

/** Every file that a router answers with, as the program names it. */
export function pageSources({ errorPages, maintenance, routes }: RouterSpec): readonly string[] {
  return [
    ...Object.values(errorPages),
    ...[maintenance, ...routes.map((each) => each.maintenance)].flatMap((each) => each?.page ?? []),
  ];
}

/**
 * Where a page lies in the container. The digest is part of the name: until the reload, nginx goes on reading the pages of
 * the old configuration.
 */
export function pagePath(source: string, inputs: Inputs): string {
  return `${configFolder}/${nameOf(source, inputs)}`;
}

/** The pages as files of the router's configuration. */
export function pageFiles(spec: RouterSpec, inputs: Inputs): readonly TemplateFile[] {
  const byName = new Map(
    pageSources(spec).map((source) => [nameOf(source, inputs), contentOf(source, inputs)]),
  );
  return [...byName].map(([path, content]) => ({ path, content, mode: 0o440, uid: 0, gid: proxyUser }));
}

function nameOf(source: string, inputs: Inputs): string {
  const ending = source.slice(source.lastIndexOf('.') + 1);
  return `pages/${contentOf(source, inputs).digest.slice(0, 16)}.${ending}`;
}

function contentOf(source: string, inputs: Inputs): Content {
  return own(inputs.files, inputs.absolute(source)) ?? noContent;
}
