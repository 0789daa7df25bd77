// A whole process that brings one stack up: what a user of a script waits for. Reads the spec from its argument.
const { Stack } = require('@plumbstack/core');
const { DockerRuntime } = require('@plumbstack/docker');

void new DockerRuntime().up(Stack.fromSpec(JSON.parse(process.argv[2])));
