/** What the files of a model folder say, and what becomes of each of their keys. */
package io.millrace.gpu.model.folder;
