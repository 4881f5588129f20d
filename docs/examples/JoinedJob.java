import io.millrace.gpu.api.EngineOptions;
import io.millrace.operators.InferencePipeline;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.util.Collector;

/** A join before the model, which is behind a hop then: JoinedJob MODEL TICKETS CUSTOMERS */
public final class JoinedJob {
    private JoinedJob() {}

    public static void main(String[] arguments) throws Exception {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        env.enableCheckpointing(1_000);
        answers(env, arguments[0], Path.of(arguments[1]), Path.of(arguments[2]))
                .map(Ticket::line)
                .returns(Types.STRING)
                .uid("line")
                .print()
                .uid("print");
        env.execute("tickets");
    }

    static DataStream<Outcome> answers(
            StreamExecutionEnvironment env, String model, Path tickets, Path customers)
            throws Exception {
        PipelineOptions options =
                PipelineOptions.builder(EngineOptions.of(model)).name("tickets").build();
        DataStream<Ticket> asked =
                lines(env, tickets, "tickets")
                        .map(Ticket::parse)
                        .uid("parse")
                        .filter(ticket -> !ticket.text().isBlank())
                        .uid("not-blank");
        DataStream<String> plans = lines(env, customers, "customers");
        DataStream<Inbound> requests =
                asked.connect(plans)
                        .keyBy(Ticket::customer, line -> line.split(";")[0])
                        .process(new Join())
                        .name("join")
                        .uid("join");
        return InferencePipeline.build(requests, options);
    }

    private static DataStream<String> lines(StreamExecutionEnvironment env, Path file, String name)
            throws Exception {
        List<String> lines = List.copyOf(Files.readAllLines(file));
        DataGeneratorSource<String> source =
                new DataGeneratorSource<>(
                        index -> lines.get(index.intValue()), lines.size(), Types.STRING);
        return env.fromSource(source, WatermarkStrategy.noWatermarks(), name).uid(name);
    }

    /** Keeps tickets until their customer's plan is known. */
    private static final class Join
            extends KeyedCoProcessFunction<String, Ticket, String, Inbound> {
        private static final long serialVersionUID = 1L;
        private transient ValueState<String> plan;
        private transient ListState<Ticket> early;

        @Override
        public void open(OpenContext context) {
            plan = getRuntimeContext().getState(new ValueStateDescriptor<>("plan", Types.STRING));
            early =
                    getRuntimeContext()
                            .getListState(new ListStateDescriptor<>("early", Ticket.class));
        }

        @Override
        public void processElement1(Ticket ticket, Context context, Collector<Inbound> out)
                throws Exception {
            if (plan.value() == null) {
                early.add(ticket);
            } else {
                out.collect(ticket.withPlan(plan.value()).request());
            }
        }

        @Override
        public void processElement2(String line, Context context, Collector<Inbound> out)
                throws Exception {
            plan.update(line.split(";")[1]);
            // Many at once: a barrier waits here until the model has taken them.
            for (Ticket ticket : early.get()) {
                out.collect(ticket.withPlan(plan.value()).request());
            }
            early.clear();
        }
    }
}
