// ts-node takes the tsconfig of the folder that it is started in; mocha is started at the root. Types are checked by
// `npm run lint`, once and for all files, rather than by every run.
require('ts-node').register({ project: require.resolve('../tsconfig.json'), transpileOnly: true });
