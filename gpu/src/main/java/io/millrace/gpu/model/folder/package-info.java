/** The files of a model folder and the rules for their keys. */
package io.millrace.gpu.model.folder;
