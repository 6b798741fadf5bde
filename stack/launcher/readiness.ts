/**
 * Cheap looks at whether something serves yet. A dozen parts are looked at ten times a second while they need the cores to
 * start: each look is one connection and nothing else.
 */
import { get } from 'node:http';
import { connect } from 'node:net';

const LOOK_WITHIN_MS = 2_000;

/** True when a GET of the URL answers 2xx; refused, silent and failing are false. Never throws. */
export const answersOk = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: LOOK_WITHIN_MS }, (response) => {
      response.resume();
      resolve(response.statusCode !== undefined && response.statusCode >= 200 && response.statusCode < 300);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });

/** True when somebody takes connections at this port of the loopback. Never throws. */
export const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: LOOK_WITHIN_MS });
    const end = (isUp: boolean) => () => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
