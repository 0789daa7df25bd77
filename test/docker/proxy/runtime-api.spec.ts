import assert from 'node:assert/strict';
import { parseServersState, parseStat, poolStats } from '@plumbstack/docker/proxy';
import { isPlumbstackError } from '@plumbstack/core';

const columns =
  'pxname,svname,qcur,scur,stot,dreq,eresp,status,lastchg,rate,check_status,req_rate,req_tot,qtime,rtime,';
const row = (...values: readonly (string | number)[]): string => `${values.join(',')},`;
const csv = [
  `# ${columns}`,
  row('requests', 'FRONTEND', '', 7, 40, 2, '', 'OPEN', '', 3, '', 5, 90, '', ''),
  row('pool', 'w1', 1, 1, 50, '', 4, 'UP', 12, 2, 'L4OK', '', '', 11, 22),
  row('pool', 'w2', 0, 0, 30, '', 0, 'DRAIN', 3, 1, '* L4OK', '', '', 0, 5),
  row('pool', 'w3', 0, 0, 0, '', 0, 'DOWN 1/2', 9, 0, 'L4CON', '', '', 0, 0),
  row('pool', 'w4', 0, 0, 0, '', 0, 'MAINT (resolution)', 9, 0, '', '', '', 0, 0),
  row('pool', 'BACKEND', 5, 7, 88, 0, 4, 'UP', 12, 3, '', '', '', 11, 22),
  row('statistics', 'FRONTEND', '', 1, 1, 0, '', 'OPEN', '', 0, '', 1, 1, '', ''),
  '',
].join('\n');

describe("HAProxy's answers", () => {
  it('become the statistics of a pool', () => {
    const stats = poolStats('workers', parseStat(csv));
    assert.deepEqual(
      { ...stats, workers: stats.workers.map(({ name, state }) => `${name} ${state}`) },
      {
        pool: 'workers',
        sessions: 7,
        queued: 6,
        requestsTotal: 90,
        requestsPerSecond: 5,
        workers: ['w1 up', 'w2 drain', 'w3 down', 'w4 maintenance'],
      },
    );
    assert.deepEqual(stats.workers[0], {
      name: 'w1',
      state: 'up',
      sessions: 1,
      queued: 1,
      requestsTotal: 50,
      responseTimeMs: 22,
      queueTimeMs: 11,
      failedResponses: 4,
    });
  });

  it('tell the last check of a worker, running or not', () => {
    assert.deepEqual(
      parseStat(csv).servers.map(({ check }) => check),
      ['L4OK', 'L4OK', 'L4CON', ''],
    );
  });

  it('are refused where they are something else', () => {
    for (const read of [parseStat, parseServersState]) {
      for (const answer of ['', 'Unknown command: show stt', 'Permission denied']) {
        assert.throws(
          () => read(answer),
          (error) => isPlumbstackError(error, 'ENGINE_FAILED'),
        );
      }
    }
  });
});
