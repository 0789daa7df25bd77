/**
 * What both proxies take, so that an app answers the same as a worker of a pool. A request's line and headers may have
 * 64 KiB in all, and 16 KiB each; an answer's 64 KiB in all.
 */
export const headerLineKiB = 16;
export const headerLines = 4;
export const headersKiB = headerLineKiB * headerLines;
/** Header fields of a request or an answer: nginx's own limit for a request. */
export const headerFields = 1000;
/** Room for what proxies themselves add to a message. */
const addedHeadersKiB = 16;
/** One of HAProxy's buffers has to hold a message's headers, with what is added to them. */
export const bufferBytes = (headersKiB + addedHeadersKiB) * 1024;
