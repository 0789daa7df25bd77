// @ts-check
import { readFile, writeFile } from 'node:fs/promises';
import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import ts from 'typescript';

const sourceFile = fileURLToPath(
  new URL('../../packages/events/src/lifecycle-event-map.ts', import.meta.url),
);
const page = fileURLToPath(new URL('../../docs/reference/events.md', import.meta.url));

/** What the subjects of event names are called, in the order of the map. */
const titles = new Map([
  ['stack', 'Stacks'],
  ['watch', 'Files that are watched'],
  ['step', 'Steps of a plan'],
  ['image', 'Images'],
  ['resource', 'Resources'],
  ['container', 'Containers'],
  ['app', 'Health'],
  ['worker', 'Workers of a pool'],
  ['pool', 'Pools'],
  ['router', 'Routers'],
  ['update', 'Updates'],
  ['lock', 'Locks'],
  ['stream', 'Streams'],
  ['listener', 'Listeners'],
]);

/** @typedef {{ name: string, type: string, text: string }} Field */
/** @typedef {{ name: string, text: string, fields: readonly Field[] }} Event */

/**
 * The page about every event, of the source text of the map.
 * @param {string} text
 * @returns {Promise<string>}
 */
export async function eventsReference(text) {
  const source = ts.createSourceFile('lifecycle-event-map.ts', text, ts.ScriptTarget.Latest, true);
  const base = fieldsOf(interfaceNamed(source, 'EventBase'), source);
  const events = interfaceNamed(source, 'LifecycleEventMap').members.map((member) =>
    readEvent(member, source),
  );
  const markdown = [
    '# Events',
    'Every event of `@plumbstack/events`, as `runtime.events` and `deployment.events` tell it. This page is written by ' +
      '`node scripts/docs/events-reference.mjs` from `packages/events/src/lifecycle-event-map.ts`.',
    'Names are `subject:moment`. New events and new fields may come with any version; a name or a field goes only with ' +
      'a major one. An event is plain, frozen, JSON-safe data.',
    '## What every event carries',
    table([{ name: 'type', type: 'string', text: 'Its name, as in the headings below.' }, ...base]),
    ...groups(events).flatMap(([subject, group]) => [
      `## ${titleOf(subject)}`,
      ...group.flatMap(({ name, text: description, fields }) => [
        `### \`${name}\``,
        description,
        ...(fields.length > 0 ? [table(fields)] : []),
      ]),
    ]),
  ].join('\n\n');
  return prettier.format(markdown, { ...(await prettier.resolveConfig(page)), parser: 'markdown' });
}

/**
 * @param {readonly Event[]} events
 * @returns {readonly [string, readonly Event[]][]} by the subject of the name, in the order of the first of each
 */
function groups(events) {
  /** @type {Map<string, Event[]>} */
  const bySubject = new Map();
  for (const event of events) {
    const subject = event.name.split(':')[0] ?? '';
    bySubject.set(subject, [...(bySubject.get(subject) ?? []), event]);
  }
  return [...bySubject];
}

/** @param {string} subject */
function titleOf(subject) {
  const title = titles.get(subject);
  if (title === undefined)
    throw new Error(`Events of "${subject}" have no title: add one in events-reference.mjs.`);
  return title;
}

/**
 * @param {ts.TypeElement} member
 * @param {ts.SourceFile} source
 * @returns {Event}
 */
function readEvent(member, source) {
  if (!ts.isPropertySignature(member) || member.type === undefined || !ts.isStringLiteral(member.name)) {
    throw new Error(`Not an event: ${member.getText(source)}`);
  }
  const text = describe(member);
  if (text === '') throw new Error(`The event ${member.name.text} has no docstring.`);
  return { name: member.name.text, text, fields: fieldsOf(member.type, source) };
}

/**
 * The fields of a type made of interfaces of the same file, literals and intersections.
 * @param {ts.Node} type
 * @param {ts.SourceFile} source
 * @returns {readonly Field[]}
 */
function fieldsOf(type, source) {
  if (type.kind === ts.SyntaxKind.ObjectKeyword) return [];
  if (ts.isIntersectionTypeNode(type)) return type.types.flatMap((part) => fieldsOf(part, source));
  if (ts.isTypeReferenceNode(type))
    return fieldsOf(interfaceNamed(source, type.typeName.getText(source)), source);
  if (ts.isInterfaceDeclaration(type)) {
    const parents = (type.heritageClauses ?? []).flatMap(({ types }) => types);
    const inherited = parents.map(({ expression }) => interfaceNamed(source, expression.getText(source)));
    return [
      ...inherited.flatMap((parent) => fieldsOf(parent, source)),
      ...type.members.map((each) => readField(each, source)),
    ];
  }
  if (ts.isTypeLiteralNode(type)) return type.members.map((each) => readField(each, source));
  throw new Error(`Fields cannot be read of: ${type.getText(source)}`);
}

/**
 * @param {ts.TypeElement} member
 * @param {ts.SourceFile} source
 * @returns {Field}
 */
function readField(member, source) {
  if (!ts.isPropertySignature(member) || member.type === undefined) {
    throw new Error(`Not a field: ${member.getText(source)}`);
  }
  const name = `${member.name.getText(source)}${member.questionToken === undefined ? '' : '?'}`;
  const text = describe(member);
  if (text === '') throw new Error(`The field ${name} has no docstring.`);
  return { name, type: member.type.getText(source), text };
}

/**
 * @param {ts.SourceFile} source
 * @param {string} name
 */
function interfaceNamed(source, name) {
  const found = source.statements.filter(ts.isInterfaceDeclaration).find((each) => each.name.text === name);
  if (found === undefined) throw new Error(`The map has no interface ${name}.`);
  return found;
}

/** @param {ts.Node} node */
function describe(node) {
  const docs = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = docs.map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '').join(' ');
  return text
    .replace(/\{@link\s+([^}]+?)\s*\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .trim();
}

/** @param {readonly Field[]} fields */
function table(fields) {
  const cell = (/** @type {string} */ text) => text.replaceAll('|', '\\|');
  const rows = fields.map(({ name, type, text }) => `| \`${name}\` | \`${cell(type)}\` | ${cell(text)} |`);
  return ['| field | type | |', '| --- | --- | --- |', ...rows].join('\n');
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const text = await eventsReference(await readFile(sourceFile, 'utf8'));
  if (argv.includes('--print')) stdout.write(text);
  else await writeFile(page, text);
}
