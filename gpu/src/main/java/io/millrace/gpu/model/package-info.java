/** Models: Hugging Face folders and the forward pass. */
package io.millrace.gpu.model;
