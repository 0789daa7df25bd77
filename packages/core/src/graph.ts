/** A directed graph as data: what each name points at. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** A path that leads back to its start, first name repeated at the end; nothing where there is none. */
export function findCycle(graph: Graph): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (node: string, trail: readonly string[]): readonly string[] | undefined => {
    const seen = trail.indexOf(node);
    if (seen >= 0) return [...trail.slice(seen), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...trail, node]);
      if (cycle !== undefined) return cycle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Names with everything a name points at before it. The graph has no cycle. */
export function dependenciesFirst(graph: Graph): readonly string[] {
  const ordered = new Set<string>();
  const visit = (node: string): void => {
    if (ordered.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next);
    ordered.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return [...ordered];
}
