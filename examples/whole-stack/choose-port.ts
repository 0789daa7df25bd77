import { connect } from 'node:net';
import { isPlumbstackError, type Runtime } from '@plumbstack/core';

/** The port that the stack has already, else 80, else 8080 where another program has 80. */
export async function choosePort(runtime: Runtime, stack: string): Promise<number> {
  try {
    const running = await runtime.attach(stack);
    return Number(running.endpoint('web').port || 80);
  } catch (error) {
    if (!isPlumbstackError(error, 'NOT_FOUND')) throw error;
  }
  if (!(await answers(80))) return 80;
  console.log('Port 80 is taken: using 8080. Set PORT for another one.');
  return 8080;
}

// The engine publishes the port, not this process: binding it here would ask for rights that this process need not have.
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (taken: boolean): void => {
      socket.destroy();
      resolve(taken);
    };
    socket.setTimeout(1000, () => end(true));
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
