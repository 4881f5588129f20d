/**
 * Records between the operators: what arrives, what leaves, and how both are written to the network
 * and into state.
 */
package io.millrace.operators.record;
