/**
 * Grammars of answers: a JSON schema, a regular expression or a list of choices, compiled to an
 * automaton over bytes, and the tokens of a vocabulary that each of its states allows.
 */
package io.millrace.gpu.sampling.grammar;
