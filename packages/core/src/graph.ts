/** A directed graph as data: what each name points at. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** A path that leads back to its start, first name repeated at the end; nothing where there is none. */
export function findCycle(graph: Graph): readonly string[] | undefined {
  return walk(graph).cycle;
}

/** Names with everything a name points at before it. The graph has no cycle. */
export function dependenciesFirst(graph: Graph): readonly string[] {
  return walk(graph).ordered;
}

interface Walk {
  readonly ordered: readonly string[];
  readonly cycle?: readonly string[];
}

/**
 * Depth first, each name after what it points at, until the first cycle. Not recursive: a graph that was read from
 * somewhere may be deeper than the call stack.
 */
function walk(graph: Graph): Walk {
  const ordered = new Set<string>();
  for (const start of graph.keys()) {
    // Names on the way, and for each those it points at that are still to be visited.
    const trail: { readonly node: string; readonly ahead: string[] }[] = [];
    const onTrail = new Set<string>();
    const enter = (node: string): void => {
      if (ordered.has(node)) return;
      trail.push({ node, ahead: [...(graph.get(node) ?? [])].reverse() });
      onTrail.add(node);
    };
    enter(start);
    for (let here = trail.at(-1); here !== undefined; here = trail.at(-1)) {
      const next = here.ahead.pop();
      if (next === undefined) {
        trail.pop();
        onTrail.delete(here.node);
        ordered.add(here.node);
      } else if (onTrail.has(next)) {
        const names = trail.map(({ node }) => node);
        return { ordered: [...ordered], cycle: [...names.slice(names.indexOf(next)), next] };
      } else {
        enter(next);
      }
    }
  }
  return { ordered: [...ordered] };
}
