/** A schema registry: how to reach it, and what it is asked. */
package io.millrace.schemas.codec.registry;
