/** Strict UTF-8, and the nearest of several names. */
package io.millrace.schemas.text;
