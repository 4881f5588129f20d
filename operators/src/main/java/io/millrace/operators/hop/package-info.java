/** The hop: a network shuffle that sends requests with equal prefixes to one engine. */
package io.millrace.operators.hop;
