/** Records of any schema as events: a request is made of each, and its answer is put into it. */
package io.millrace.operators.event;
