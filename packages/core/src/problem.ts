/** One thing that is wrong with a stack. */
export interface Problem {
  /** Resource and option, as `app1.mounts[0].target`. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}
