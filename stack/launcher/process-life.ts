/** Processes by pid and start time; what the launcher shares with set-up, which runs before anything is built. */
export { type Birth, birthOf, endProcess, isAlive, signal, startTimeOf, untilGone } from '../setup/process-life.cjs';
