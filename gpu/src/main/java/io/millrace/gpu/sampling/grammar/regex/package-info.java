/** Regular expressions of ECMA-262 and the formats of JSON Schema, as automata. */
package io.millrace.gpu.sampling.grammar.regex;
