import type { AppOptions } from './app.js';
import { flag, matching, oneOf, refuse } from './check.js';
import {
  baseOf,
  codeFolder,
  entryOf,
  imageOf,
  listed,
  liveMount,
  refuseBuild,
  refuseOwn,
  type RecipeOptions,
} from './recipe.js';

export interface PythonOptions extends RecipeOptions {
  /** What serves: uvicorn an ASGI application, as of FastAPI; gunicorn a WSGI application, as of Flask. */
  readonly server: 'uvicorn' | 'gunicorn';
  /** What the application is called in the file. @default 'app' */
  readonly app?: string;
  /**
   * File in the folder that says what `pip install -r` installs, the server among it, as `requirements.txt`; in a layer that is
   * kept while it stays the same. The image made this way runs as root unless `user` says otherwise.
   * @default none: the image has everything
   */
  readonly requirements?: string;
  /**
   * Mounts the folder instead of copying it, for the time in which it is written: a change is another container that reads what was
   * saved, and a part of no version. The engine is on the program's machine. Nothing is installed: the image has what it needs.
   * @default false
   */
  readonly live?: boolean;
}

/** Docker Hub's official image: https://hub.docker.com/_/python */
const defaultImage = 'python:3.13-slim';
/** The file is imported, so its name is a name of Python's. */
const names = /^[A-Za-z_]\w*\.py$/;
const attribute = matching(/^[A-Za-z_]\w*$/, 'the name of a variable of Python\'s, such as "app"');
const fileInside = matching(
  /^(?!.*\.\.)[A-Za-z0-9_][\w./-]*$/,
  'a path in the folder, such as "requirements.txt"',
);

/**
 * Turns one file of a web application in Python into an app's options, as `plumber()` does for R: an image that has the file's
 * folder at `/app`, the command that serves it on all addresses, and port 8000, in `PORT` too. uvicorn is told the app's public
 * prefix, so that FastAPI's `/docs` finds its description behind a router. A file that does not parse fails the build
 * (`IMAGE_BUILD_FAILED`), before anything is updated.
 *
 * @param file path of the module, as `./api/main.py`; a relative one starts from the stack's `baseDir`
 * @example stack.app('api', python('./api/main.py', { server: 'uvicorn', requirements: 'requirements.txt' }))
 */
export function python(file: string, given: PythonOptions): AppOptions {
  const entry = entryOf('python', file, names, 'a module of Python, as main.py');
  refuseOwn('python', given);
  refuseBuild('python', given);
  const { server, app = 'app', requirements, live = false, image, mounts = [], ...rest } = given;
  oneOf('uvicorn', 'gunicorn')(server, 'python: server');
  const isLive = flag(live, 'python: live');
  if (isLive && requirements !== undefined)
    refuse('python: requirements', 'left out with live, where nothing is installed', requirements);
  const base = baseOf('python', image, defaultImage);
  const port = rest.port ?? 8000;
  const served = `${entry.file.slice(0, -'.py'.length)}:${attribute(app, 'python: app')}`;
  // https://www.uvicorn.org/settings/, https://docs.gunicorn.org/en/stable/settings.html
  const address =
    server === 'uvicorn' ? ['--host', '0.0.0.0', '--port', String(port)] : ['--bind', `0.0.0.0:${port}`];
  // uvicorn reads each of its settings from a variable too.
  const prefixEnv = rest.prefixEnv ?? (server === 'uvicorn' ? 'UVICORN_ROOT_PATH' : undefined);
  // Compiled in memory: what `py_compile` writes would be a part of the image.
  const parse = 'import ast, sys; ast.parse(open(sys.argv[1], "rb").read(), sys.argv[1])';
  const check = ['python3', '-c', parse, `${codeFolder}/${entry.file}`];
  const install =
    requirements === undefined ? [] : installed(fileInside(requirements, 'python: requirements'));
  return {
    ...rest,
    ...(isLive ? { image: base } : { build: imageOf(base, entry, install, check) }),
    port,
    ...(prefixEnv !== undefined && { prefixEnv }),
    mounts: [...mounts, ...(isLive ? [liveMount(entry, check)] : [])],
    workingDir: rest.workingDir ?? codeFolder,
    // Python keeps what it prints until there is much of it, and a log is to have it at once.
    env: { PORT: String(port), PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', ...rest.env },
    // What a base image calls the servers' programs differs; modules are called the same everywhere.
    entrypoint: ['python3', '-m', server],
    command: [...address, served],
  };
}

function installed(requirements: string): readonly string[] {
  const path = `${codeFolder}/${requirements}`;
  return [
    'USER root',
    `COPY ${listed(requirements, path)}`,
    `RUN ${listed('python3', '-m', 'pip', 'install', '--no-cache-dir', '--requirement', path)}`,
  ];
}
