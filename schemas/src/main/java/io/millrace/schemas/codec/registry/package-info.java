/** The client of a schema registry and its settings. */
package io.millrace.schemas.codec.registry;
