/** Groups records before inference. */
package io.millrace.operators.batch;
