/** The workflows of the checkout worker; exported names are workflow types on the wire. */
export { checkout } from './checkout/workflow';
export { refund } from './refund/workflow';
export { sweep } from './sweep/workflow';
