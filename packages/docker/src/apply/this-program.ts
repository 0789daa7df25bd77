import { hostname, userInfo } from 'node:os';

/** Who a program acts for, as `user@host`: a person reads it. */
export function thisProgram(): string {
  return `${user()}@${hostname()}`;
}

/** In a container, a process may have a number that no list of users has. */
function user(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
