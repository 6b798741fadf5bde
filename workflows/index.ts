/** The workflows of the checkout worker; exported names are workflow types on the wire. */

// The SDK takes a stack trace for every promise: without frames the worker saves an eighth of its CPU.
Error.stackTraceLimit = 0;

export { checkout } from './checkout/workflow';
export { refund } from './refund/workflow';
export { sweep } from './sweep/workflow';
