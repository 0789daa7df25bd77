import { dictionary, line, matching, refuse, type Check } from './check.js';

/** Path of a file on the machine that runs the program, of a kind that browsers and programs know by its ending. */
export const pageFile: Check<string> = (value, path) => {
  if (!/\.(?:html?|json|txt|xml)$/.test(line(value, path)))
    refuse(path, 'the path of a .html, .json, .txt or .xml file', value);
  return value as string;
};

/** Statuses that an answer of a router itself may have. An app's own answers are never replaced. */
const errorStatus = matching(/^[45]\d\d$/, 'a status from 400 to 599');

/** Pages by the status of the answer that they go with. */
export const errorPages: Check<Readonly<Record<string, string>>> = dictionary(errorStatus, pageFile);
