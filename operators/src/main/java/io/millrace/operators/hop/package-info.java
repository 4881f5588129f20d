/** The way over the network that brings requests with equal beginnings to one engine. */
package io.millrace.operators.hop;
