import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

/** One import, export-from or `import()` of a source file. */
export interface Import {
  /** What is imported, as written. */
  readonly specifier: string;
  /** Source file it leads to, relative to the packages folder; nothing for what is no source of ours. */
  readonly file?: string;
  /** Whether nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
}

/** Every source file by its path relative to the packages folder, as `core/src/app.ts`. */
export type ImportGraph = ReadonlyMap<string, readonly Import[]>;

/** Reads `<folder>/<package>/src` of every package. */
export function readImportGraph(folder: string): ImportGraph {
  const packages = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'src')));
  const files = packages.flatMap((name) => sourcesBelow(join(folder, name, 'src')));
  return new Map(
    files.map((file) => [
      relative(folder, file).split(sep).join('/'),
      importsOf(file).map(({ specifier, typeOnly }): Import => {
        const target = specifier.startsWith('.')
          ? resolve(dirname(file), specifier.replace(/\.js$/, '.ts'))
          : undefined;
        return {
          specifier,
          typeOnly,
          ...(target !== undefined && { file: relative(folder, target).split(sep).join('/') }),
        };
      }),
    ]),
  );
}

function sourcesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function importsOf(file: string): readonly Pick<Import, 'specifier' | 'typeOnly'>[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: Pick<Import, 'specifier' | 'typeOnly'>[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, typeOnly: isTypeOnlyImport(node.importClause) });
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      found.push({ specifier: node.moduleSpecifier.text, typeOnly: isTypeOnlyExport(node) });
    } else if (ts.isCallExpression(node) && isLoad(node.expression)) {
      const [argument] = node.arguments;
      const specifier =
        argument !== undefined && ts.isStringLiteralLike(argument) ? argument.text : '(computed)';
      found.push({ specifier, typeOnly: false });
    } else if (
      ts.isImportTypeNode(node) &&
      ts.isLiteralTypeNode(node.argument) &&
      ts.isStringLiteral(node.argument.literal)
    ) {
      found.push({ specifier: node.argument.literal.text, typeOnly: true });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isLoad(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
  );
}

/** `import type { A }`, or `import { type A, type B }`; `import './a.js'` runs it. */
function isTypeOnlyImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  if (name !== undefined || namedBindings === undefined || !ts.isNamedImports(namedBindings)) return false;
  return namedBindings.elements.length > 0 && namedBindings.elements.every((each) => each.isTypeOnly);
}

function isTypeOnlyExport({ isTypeOnly, exportClause }: ts.ExportDeclaration): boolean {
  if (isTypeOnly) return true;
  if (exportClause === undefined || !ts.isNamedExports(exportClause)) return false;
  return exportClause.elements.length > 0 && exportClause.elements.every((each) => each.isTypeOnly);
}

/** Files that the entries lead to, types included. */
export function reachableFrom(graph: ImportGraph, entries: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const ahead = [...entries];
  for (let file = ahead.pop(); file !== undefined; file = ahead.pop()) {
    if (reached.has(file) || !graph.has(file)) continue;
    reached.add(file);
    ahead.push(...(graph.get(file) ?? []).flatMap((each) => each.file ?? []));
  }
  return reached;
}

/** Cycles of files that import values of each other, one per way back that is found. */
export function valueCycles(graph: ImportGraph): readonly string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(file);
    if (seen >= 0) cycles.push([...trail.slice(seen), file].join(' -> '));
    if (seen >= 0 || done.has(file)) return;
    for (const each of graph.get(file) ?? []) {
      if (!each.typeOnly && each.file !== undefined) visit(each.file, [...trail, file]);
    }
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return cycles;
}
