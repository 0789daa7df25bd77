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
export const addedHeadersKiB = 16;
