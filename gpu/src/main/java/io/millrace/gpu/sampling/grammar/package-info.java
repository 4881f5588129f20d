/**
 * Grammars of answers: compiles a JSON schema, a regular expression or a list of choices to an
 * automaton over bytes, and finds the tokens that each of its states allows.
 */
package io.millrace.gpu.sampling.grammar;
