package io.millrace.gpu.model;

import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.Backend;
import io.millrace.gpu.model.family.WeightReader;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Passes a folder's tensors to the backend by name and reports the progress. A tensor that is never
 * read (a bias, an adapter, a layer too many) would change the answer: it is refused.
 */
final class FolderReader<M, V> implements WeightReader<M, V> {
    private final ModelFolder folder;
    private final Backend<M, V, ?> backend;
    private final LoadProgress progress;
    private final long total;
    private final Set<String> asked = new HashSet<>();
    private long done;

    FolderReader(ModelFolder folder, Backend<M, V, ?> backend, LoadProgress progress) {
        this.folder = folder;
        this.backend = backend;
        this.progress = progress;
        total = folder.weightBytes();
        progress.onProgress("weights", 0, total);
    }

    @Override
    public Tensor tensor(String name, long... dims) throws IOException {
        asked.add(name);
        return folder.tensor(name, dims);
    }

    @Override
    public boolean has(String name) {
        return folder.hasTensor(name);
    }

    @Override
    public M matrix(Tensor... parts) throws IOException {
        M matrix = backend.matrix(List.of(parts));
        report(parts);
        return matrix;
    }

    @Override
    public M table(Tensor tensor) throws IOException {
        M table = backend.table(tensor);
        report(tensor);
        return table;
    }

    @Override
    public M tiedHead(M table, Tensor tensor) throws IOException {
        return backend.tiedHead(table, tensor);
    }

    @Override
    public M addedMatrix(Tensor tensor) throws IOException {
        M matrix = backend.addedMatrix(List.of(tensor));
        report(tensor);
        return matrix;
    }

    @Override
    public M gatedMatrix(Tensor gate, Tensor up) throws IOException {
        M matrix = backend.gatedMatrix(gate, up);
        report(gate, up);
        return matrix;
    }

    @Override
    public V vector(Tensor... parts) throws IOException {
        V vector = backend.vector(List.of(parts));
        report(parts);
        return vector;
    }

    /** Waits until all weights are loaded; refuses tensors that were not read. */
    void finish() throws IOException {
        folder.refuseUnread(asked);
        backend.finishLoading();
        progress.onProgress("weights", total, total);
    }

    private void report(Tensor... read) {
        for (Tensor tensor : read) {
            done += tensor.bytes();
        }
        progress.onProgress("weights", Math.min(done, total), total);
    }
}
