interface ActionWords {
  readonly now: string;
  readonly done: string;
  readonly failed: string;
}

const words: Readonly<Record<string, ActionWords>> = {
  create: { now: 'creating', done: 'created', failed: 'was not created' },
  update: { now: 'updating', done: 'updated', failed: 'was not updated' },
  replace: { now: 'replacing', done: 'replaced', failed: 'was not replaced' },
  delete: { now: 'removing', done: 'removed', failed: 'was not removed' },
  keep: { now: 'checking', done: 'unchanged', failed: 'was not checked' },
};

/** How a step's action is said. A runtime may have actions of its own; those are said by their names. */
export function actionWords(action: string): ActionWords {
  const known = Object.hasOwn(words, action) ? words[action] : undefined;
  return known ?? { now: action, done: `${action} done`, failed: `${action} failed` };
}
