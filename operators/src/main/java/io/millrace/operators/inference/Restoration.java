package io.millrace.operators.inference;

import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.OptionNames;
import io.millrace.operators.event.RequestHash;
import io.millrace.operators.options.PipelineOption;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.options.ResumePolicy;
import io.millrace.operators.options.ResumePolicy.OnModelChange;
import io.millrace.operators.options.ResumePolicy.Resume;
import io.millrace.operators.request.WireConstraint;
import io.millrace.operators.tool.RequestTools;
import io.millrace.schemas.Constraint;
import io.millrace.schemas.EarlierModel;
import io.millrace.schemas.InFlightModel;
import io.millrace.schemas.InFlightRequest;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides by the {@link ResumePolicy} with which tokens a subtask's restored requests continue, and
 * counts the decisions. One restore, mailbox thread only.
 */
final class Restoration {
    private static final Logger LOG = LoggerFactory.getLogger(Restoration.class);

    /** Counts of decisions, in requests and in tokens. */
    record Counts(
            int continued, int restarted, int mixed, int others, long keptTokens, long lostTokens) {
        static final Counts NONE = new Counts(0, 0, 0, 0, 0, 0);

        private Counts plus(Counts more) {
            return new Counts(
                    continued + more.continued,
                    restarted + more.restarted,
                    mixed + more.mixed,
                    others + more.others,
                    keptTokens + more.keptTokens,
                    lostTokens + more.lostTokens);
        }
    }

    /** The tokens with which a request continues, and the earlier models that generated them. */
    record Progress(List<int[]> generated, List<EarlierModel> earlier) {
        static final Progress NONE = new Progress(List.of(), List.of());
    }

    private final ResumePolicy policy;
    private final OptionNames names;
    private final ModelInfo model;

    /** The job's, as the state has it; null without one. */
    private final Constraint constraint;

    /** The job's; null without any. */
    private final String tools;

    /** Null if the state is of a release that did not save it. */
    private InFlightModel saved;

    private Counts counts = Counts.NONE;

    /** Of those that start over, those whose tokens were masked by other rules. */
    private int masked;

    /** Of those that start over, those whose events make another request now. */
    private int asked;

    /** Seen fingerprints, and whether they are this model's of an earlier release. */
    private final Map<String, Boolean> earlier = new HashMap<>();

    /** That of a job with this model. */
    static Restoration of(PipelineOptions options, ModelInfo model) {
        return new Restoration(
                options.resumePolicy(),
                options.engine().names(),
                model,
                WireConstraint.write(options.constraint()),
                options.tools());
    }

    /**
     * @param constraint the job's; null without one
     * @param tools the job's; null without any
     */
    Restoration(
            ResumePolicy policy,
            OptionNames names,
            ModelInfo model,
            Constraint constraint,
            String tools) {
        this.policy = policy;
        this.names = names;
        this.model = model;
        this.constraint = constraint;
        this.tools = tools;
    }

    /**
     * To be called before the requests.
     *
     * @throws SuppressRestartsException the model differs, and the policy is to fail
     */
    void onModel(InFlightModel saved) {
        this.saved = saved;
        if (!isThisModel(saved.getFingerprint())) {
            checkChange(saved.getFingerprint());
        }
    }

    /**
     * Decides on one request.
     *
     * @throws SuppressRestartsException another model began it, and the policy is to fail
     */
    Progress resume(InFlightRequest state) {
        List<int[]> generated = new ArrayList<>(state.getGenerated().size());
        List<Integer> lengths = new ArrayList<>(state.getGenerated().size());
        long tokens = 0;
        for (List<Integer> completion : state.getGenerated()) {
            generated.add(completion.stream().mapToInt(Integer::intValue).toArray());
            lengths.add(completion.size());
            tokens += completion.size();
        }
        if (tokens == 0) {
            count(new Counts(0, 0, 0, 1, 0, 0));
            return Progress.NONE;
        }
        boolean same = isThisModel(state.getModelFingerprint());
        if (!same) {
            checkChange(state.getModelFingerprint());
        }
        if (policy.resume() == Resume.RESTART
                || !(same || canTakeOver(state))
                || !fitsTools(state.getRequest())
                || !fitsConstraint(state.getRequest())
                || !fitsRequest(state)) {
            count(new Counts(0, 1, 0, 0, 0, tokens));
            return Progress.NONE;
        }
        List<EarlierModel> earlier = new ArrayList<>(state.getEarlierModels());
        if (same) {
            count(new Counts(1, 0, 0, 0, tokens, 0));
        } else {
            count(new Counts(0, 0, 1, 0, tokens, 0));
            earlier.add(new EarlierModel(state.getModelFingerprint(), lengths));
        }
        return new Progress(generated, earlier);
    }

    private boolean isThisModel(String fingerprint) {
        return model.fingerprint().equals(fingerprint)
                || earlier.computeIfAbsent(fingerprint, model.earlier()::contains);
    }

    /** Whether the job's tools, where a conversation has them, are those of its prompt before. */
    private boolean fitsTools(InferenceRequest request) {
        return request == null
                || request.getMessages() == null
                || request.getTools() != null
                || Objects.equals(saved == null ? null : saved.getTools(), tools);
    }

    /** Whether a request's tokens were masked as they would be now: else they may lead nowhere. */
    private boolean fitsConstraint(InferenceRequest request) {
        boolean own =
                request != null
                        && (request.getConstraint() != null || RequestTools.isForced(request));
        if (!own && !Objects.equals(saved == null ? null : saved.getConstraint(), constraint)) {
            return false;
        }
        if (!own && constraint == null
                || savedVersion() == io.millrace.gpu.api.constraint.Constraint.VERSION) {
            return true;
        }
        masked++;
        return false;
    }

    /** Whether the request made of an event is the one that its tokens continue. */
    private boolean fitsRequest(InFlightRequest state) {
        if (state.getRequestHash() == null
                || state.getRequest() == null
                || state.getRequestHash() == RequestHash.of(state.getRequest())) {
            return true;
        }
        asked++;
        return false;
    }

    private int savedVersion() {
        return saved == null ? 1 : saved.getConstraintVersion();
    }

    /** Whether this model should and can continue after another model's tokens. */
    private boolean canTakeOver(InFlightRequest state) {
        if (policy.onModelChange() != OnModelChange.CONTINUE) {
            return false;
        }
        // Log probabilities are not saved: the engine would have to sample the first tokens again.
        return state.getRequest().getLogprobs() == null
                && state.getGenerated().stream()
                        .flatMap(List::stream)
                        .allMatch(token -> token < model.vocabularySize());
    }

    private void checkChange(String before) {
        String change =
                "The state was saved under "
                        + (saved == null ? "a model" : "model " + saved.getName())
                        + " with fingerprint "
                        + before
                        + ", but this is model "
                        + model.name()
                        + " with fingerprint "
                        + model.fingerprint()
                        + differences();
        if (policy.onModelChange() == OnModelChange.FAIL) {
            throw refused(
                    change
                            + ". Bring the old one back, or say what half-answered requests shall do:"
                            + " --on-model-change restart answers them anew, --on-model-change"
                            + " continue goes on after the old model's tokens and marks the results"
                            + " as mixed.");
        }
        if (policy.onModelChange() == OnModelChange.CONTINUE
                && policy.resume() == Resume.CONTINUE
                && (saved == null || !saved.getTokenizer().equals(model.parts().tokenizer()))) {
            throw refused(
                    change
                            + ". With another tokenizer (or one that an older release did not save)"
                            + " the old model's tokens mean something else: take --on-model-change"
                            + " restart.");
        }
    }

    private String differences() {
        if (saved == null) {
            return "";
        }
        FingerprintParts before =
                new FingerprintParts(saved.getModel(), saved.getTokenizer(), saved.getKernels());
        return " (not the same: " + String.join(", ", before.differences(model.parts())) + ")";
    }

    private SuppressRestartsException refused(String message) {
        return new SuppressRestartsException(
                new IllegalStateException(PipelineOption.say(names, message)));
    }

    private void count(Counts more) {
        counts = counts.plus(more);
    }

    Counts counts() {
        return counts;
    }

    /** Logs the decisions. */
    void log() {
        LOG.info(
                "Restored requests in flight: {} go on after their {} tokens ({} of these were begun"
                        + " by another model), {} start over and lose {} tokens, {} had no token.",
                counts.continued + counts.mixed,
                counts.keptTokens,
                counts.mixed,
                counts.restarted,
                counts.lostTokens,
                counts.others);
        if (asked > 0) {
            LOG.info(
                    "{} of these start over because this release makes another request of their"
                            + " events than the one that saved them.",
                    asked);
        }
        if (masked > 0) {
            LOG.info(
                    "{} of these start over because they have a constraint: the state was saved under"
                            + " version {} of what constraints allow, and this release has version {}.",
                    masked,
                    savedVersion(),
                    io.millrace.gpu.api.constraint.Constraint.VERSION);
        }
    }
}
