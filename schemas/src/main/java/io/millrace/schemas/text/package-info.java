/** Strict text, and the nearest of several names. */
package io.millrace.schemas.text;
