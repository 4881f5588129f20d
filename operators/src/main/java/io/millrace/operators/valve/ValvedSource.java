package io.millrace.operators.valve;

import java.util.Set;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.watermark.WatermarkDeclaration;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ExternallyInducedSourceReader;
import org.apache.flink.api.connector.source.RichSourceReaderContext;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SupportsSplitReassignmentOnRecovery;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.lineage.LineageVertex;
import org.apache.flink.streaming.api.lineage.LineageVertexProvider;

/**
 * Wraps a source, which is read only while the {@link Valve} of its task is open. Everything but
 * the reader is delegated.
 */
public class ValvedSource<T, SplitT extends SourceSplit, EnumChkT>
        implements Source<T, SplitT, EnumChkT>, ResultTypeQueryable<T>, LineageVertexProvider {
    private static final long serialVersionUID = 1L;

    private final Source<T, SplitT, EnumChkT> source;
    private final TypeInformation<T> type;
    private final String pipeline;

    /** Whether the valve is ignored, as a gate behind the network holds records back. */
    private boolean free;

    private ValvedSource(
            Source<T, SplitT, EnumChkT> source, TypeInformation<T> type, String pipeline) {
        this.source = source;
        this.type = type;
        this.pipeline = pipeline;
    }

    /**
     * Wraps a source.
     *
     * @param type type of its records
     * @param pipeline {@code PipelineOptions.name} of the operators behind it
     */
    public static <T, SplitT extends SourceSplit, EnumChkT> ValvedSource<T, SplitT, EnumChkT> of(
            Source<T, SplitT, EnumChkT> source, TypeInformation<T> type, String pipeline) {
        return source instanceof SupportsSplitReassignmentOnRecovery
                ? new Reassigning<>(source, type, pipeline)
                : new ValvedSource<>(source, type, pipeline);
    }

    /** {@code PipelineOptions.name} of the operators whose valve is used. */
    public String pipeline() {
        return pipeline;
    }

    /**
     * Reads without a valve, for a job in which the operators are not in its chain. To be called
     * before the job graph is made.
     */
    public void free() {
        free = true;
    }

    @Override
    public SourceReader<T, SplitT> createReader(SourceReaderContext context) throws Exception {
        if (!(context instanceof RichSourceReaderContext rich)) {
            throw new IllegalStateException(
                    "A valved source needs Flink's own reader context, not a "
                            + context.getClass().getName()
                            + ".");
        }
        SourceReader<T, SplitT> reader = source.createReader(context);
        if (free) {
            return reader;
        }
        if (reader instanceof ExternallyInducedSourceReader) {
            throw new IllegalStateException(
                    "A source that decides on checkpoints itself cannot feed this pipeline: "
                            + source.getClass().getName());
        }
        return new ValvedSourceReader<>(
                reader, () -> Valve.require(rich.getRuntimeContext(), pipeline));
    }

    @Override
    public Boundedness getBoundedness() {
        return source.getBoundedness();
    }

    @Override
    public SplitEnumerator<SplitT, EnumChkT> createEnumerator(
            SplitEnumeratorContext<SplitT> context) throws Exception {
        return source.createEnumerator(context);
    }

    @Override
    public SplitEnumerator<SplitT, EnumChkT> restoreEnumerator(
            SplitEnumeratorContext<SplitT> context, EnumChkT checkpoint) throws Exception {
        return source.restoreEnumerator(context, checkpoint);
    }

    @Override
    public SimpleVersionedSerializer<SplitT> getSplitSerializer() {
        return source.getSplitSerializer();
    }

    @Override
    public SimpleVersionedSerializer<EnumChkT> getEnumeratorCheckpointSerializer() {
        return source.getEnumeratorCheckpointSerializer();
    }

    @Override
    public Set<? extends WatermarkDeclaration> declareWatermarks() {
        return source.declareWatermarks();
    }

    @Override
    public TypeInformation<T> getProducedType() {
        return type;
    }

    @Override
    public LineageVertex getLineageVertex() {
        return source instanceof LineageVertexProvider provider
                ? provider.getLineageVertex()
                : null;
    }

    /** For sources with this marker interface, which Flink checks on the outermost source. */
    private static final class Reassigning<T, SplitT extends SourceSplit, EnumChkT>
            extends ValvedSource<T, SplitT, EnumChkT>
            implements SupportsSplitReassignmentOnRecovery {
        private static final long serialVersionUID = 1L;

        Reassigning(Source<T, SplitT, EnumChkT> source, TypeInformation<T> type, String pipeline) {
            super(source, type, pipeline);
        }
    }
}
