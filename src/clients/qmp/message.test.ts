import { describe, expect, it } from 'vitest';
import { parseMessage, QmpConnectionError } from './message.js';

describe('parseMessage', () => {
  it('reads what QEMU says', () => {
    expect(
      parseMessage(
        '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "x"}, "capabilities": ["oob"]}}',
      ),
    ).toEqual({ kind: 'greeting', version: { major: 7, minor: 2, micro: 22 } });
    expect(parseMessage('{"return": {"status": "running"}, "id": 4}')).toEqual({
      kind: 'reply',
      id: 4,
      value: { status: 'running' },
    });
    expect(parseMessage('{"return": [], "id": 0}')).toEqual({ kind: 'reply', id: 0, value: [] });
    expect(parseMessage('{"id": 5, "error": {"class": "GenericError", "desc": "no"}}')).toEqual({
      kind: 'refusal',
      id: 5,
      errorClass: 'GenericError',
      description: 'no',
    });
    expect(parseMessage('{"error": {"class": "GenericError", "desc": "JSON parse error"}}')).toEqual({
      kind: 'refusal',
      errorClass: 'GenericError',
      description: 'JSON parse error',
    });
    expect(
      parseMessage(
        '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "DEVICE_DELETED", "data": {"device": "n"}}',
      ),
    ).toEqual({ kind: 'event', name: 'DEVICE_DELETED', data: { device: 'n' } });
    expect(parseMessage('{"event": "POWERDOWN"}')).toEqual({ kind: 'event', name: 'POWERDOWN', data: {} });
  });

  it.each([
    '',
    'hello',
    '[]',
    '7',
    'null',
    '{}',
    '{"return": 1}',
    '{"return": 1, "id": "x"}',
    '{"id": 1}',
    '{"event": 3}',
  ])('refuses %j', (line) => {
    expect(() => parseMessage(line)).toThrow(QmpConnectionError);
  });
});
