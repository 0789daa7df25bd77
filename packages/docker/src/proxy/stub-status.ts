/**
 * Requests that nginx reads or answers now, connections that became something else (WebSocket) among them, from what
 * `stub_status` tells: https://nginx.org/en/docs/http/ngx_http_stub_status_module.html. NaN where it tells nothing.
 */
export function openRequests(stubStatus: string): number {
  const [, reading, writing] = /^Reading: (\d+) Writing: (\d+) /m.exec(stubStatus) ?? [];
  return Number(reading) + Number(writing);
}
