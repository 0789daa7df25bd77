import { join } from 'node:path';
import { plumber, type AppOptions } from '@plumbstack/core';
import type { Connections } from './clients';
import { lightImage, lightServer } from './light-server';

/** What every contender of a bench runs, for plumbstack and for Docker Compose. */
export interface BenchApp {
  /** Part of names. */
  readonly name: 'node' | 'r';
  readonly title: string;
  /** Whether it does one thing at a time, so that a pool gives each worker one request (`maxConcurrency: 1`). */
  readonly oneAtATime: boolean;
  /** How it answers visitors of its own port the faster. httpuv is slow on a connection that it has answered on before. */
  readonly direct: Connections;
  readonly options: AppOptions;
  readonly service: {
    readonly image: string;
    readonly command: readonly string[];
    readonly volumes?: readonly string[];
  };
}

/** An app in Node, by the command that runs it. */
export function nodeApp(command: readonly string[]): BenchApp {
  const app = { image: lightImage, command };
  return { name: 'node', title: 'Node', oneAtATime: false, direct: 'kept', options: app, service: app };
}

/** An API of `support/r`, by `plumber()` and as plumber's own image has it. */
export function rApp(file: string): BenchApp {
  const folder = join(__dirname, 'r');
  return {
    name: 'r',
    title: 'R (plumber)',
    oneAtATime: true,
    direct: 'new',
    options: plumber(join(folder, file)),
    service: {
      image: 'rstudio/plumber:latest',
      command: [`/app/${file}`],
      volumes: [`${folder}:/app:ro`],
    },
  };
}

/** They answer at once: what is measured is what lies between them and the visitor. */
export const lightApps: readonly BenchApp[] = [rApp('light.R'), nodeApp(lightServer)];
