package io.millrace.operators.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EarlierFingerprints;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.operators.TestingRequests;
import io.millrace.operators.event.RequestHash;
import io.millrace.operators.inference.Restoration.Counts;
import io.millrace.operators.inference.Restoration.Progress;
import io.millrace.operators.options.ResumePolicy;
import io.millrace.operators.options.ResumePolicy.OnModelChange;
import io.millrace.operators.options.ResumePolicy.Resume;
import io.millrace.operators.record.InFlightCodec;
import io.millrace.schemas.Constraint;
import io.millrace.schemas.EarlierModel;
import io.millrace.schemas.InFlightModel;
import io.millrace.schemas.InFlightRequest;
import java.util.List;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.junit.jupiter.api.Test;

class RestorationTest {
    private static final int VOCABULARY = 97;
    private static final int VERSION = io.millrace.gpu.api.constraint.Constraint.VERSION;
    private static final EarlierFingerprints EARLIER =
            new EarlierFingerprints("", "parts\nlength ", 1000);

    private static Restoration restoration(Resume resume, OnModelChange onModelChange) {
        return restoration(resume, onModelChange, null);
    }

    private static Restoration restoration(
            Resume resume, OnModelChange onModelChange, Constraint constraint) {
        return new Restoration(
                new ResumePolicy(resume, onModelChange),
                OptionNames.COMMAND_LINE,
                new ModelInfo(
                        "new",
                        "NEW",
                        new FingerprintParts("m", "t", "k"),
                        EARLIER,
                        VOCABULARY,
                        1000,
                        1000,
                        SamplingParameters.greedy(16),
                        EngineOptions.ToolFormat.NONE,
                        EngineOptions.Reasoning.NONE,
                        "testing"),
                constraint,
                null);
    }

    private static InFlightModel model(String fingerprint, String tokenizer) {
        return new InFlightModel("old", fingerprint, "m", tokenizer, "other", null, VERSION, null);
    }

    /** Two completions, the second of 7 tokens, begun by the model of {@code fingerprint}. */
    private static InFlightRequest request(String fingerprint) {
        InFlightRequest state = InFlightCodec.toState(TestingRequests.request("r", 54));
        state.setGenerated(List.of(List.of(), List.of(1, 2, 3, 4, 5, 6, 96)));
        state.setModelFingerprint(fingerprint);
        return state;
    }

    /** A release before counted how long a request could become, which no token depends on. */
    @Test
    void theSameModelOfAShorterContextGoesOnAndIsNoOther() {
        Restoration goesOn = restoration(Resume.CONTINUE, OnModelChange.FAIL);
        goesOn.onModel(model(EARLIER.of(97), "t"));
        Progress progress = goesOn.resume(request(EARLIER.of(97)));
        assertThat(progress.generated()).hasSize(2);
        assertThat(progress.earlier()).isEmpty();
        assertThat(goesOn.counts()).isEqualTo(new Counts(1, 0, 0, 0, 7, 0));
        EarlierFingerprints others = new EarlierFingerprints("", "other parts\nlength ", 1000);
        assertThatThrownBy(() -> goesOn.onModel(model(others.of(97), "t")))
                .isInstanceOf(SuppressRestartsException.class);
    }

    @Test
    void theSameModelGoesOnAfterTheTokensOrStartsOver() {
        Restoration goesOn = restoration(Resume.CONTINUE, OnModelChange.FAIL);
        goesOn.onModel(model("NEW", "t"));
        Progress progress = goesOn.resume(request("NEW"));
        assertThat(progress.generated())
                .containsExactly(new int[] {}, new int[] {1, 2, 3, 4, 5, 6, 96});
        assertThat(progress.earlier()).isEmpty();
        assertThat(goesOn.counts()).isEqualTo(new Counts(1, 0, 0, 0, 7, 0));

        Restoration over = restoration(Resume.RESTART, OnModelChange.FAIL);
        assertThat(over.resume(request("NEW"))).isSameAs(Progress.NONE);
        assertThat(over.counts()).isEqualTo(new Counts(0, 1, 0, 0, 0, 7));
    }

    /** Another release may render the template of an event otherwise. */
    @Test
    void tokensAreNotContinuedBehindAnotherRequestThanTheirEventMade() {
        Restoration restoration = restoration(Resume.CONTINUE, OnModelChange.FAIL);
        restoration.onModel(model("NEW", "t"));
        InFlightRequest same = request("NEW");
        same.setRequestHash(RequestHash.of(same.getRequest()));
        assertThat(restoration.resume(same).generated()).hasSize(2);
        InFlightRequest other = request("NEW");
        other.setRequestHash(RequestHash.of(other.getRequest()));
        other.getRequest().setPrompt(other.getRequest().getPrompt() + " ");
        assertThat(restoration.resume(other)).isSameAs(Progress.NONE);
        assertThat(restoration.counts()).isEqualTo(new Counts(1, 1, 0, 0, 7, 7));
    }

    @Test
    void underAnotherConstraintOfTheJobRequestsWithoutTheirOwnStartOver() {
        Constraint digits = new Constraint(null, "[0-9]+", null);
        for (Constraint before : new Constraint[] {null, new Constraint(null, "a+", null)}) {
            Restoration over = restoration(Resume.CONTINUE, OnModelChange.FAIL, digits);
            InFlightModel saved = model("NEW", "t");
            saved.setConstraint(before);
            over.onModel(saved);
            assertThat(over.resume(request("NEW"))).isSameAs(Progress.NONE);
            InFlightRequest own = request("NEW");
            own.getRequest().setConstraint(new Constraint(List.of("ham"), null, null));
            assertThat(over.resume(own).generated()).hasSize(2);
            assertThat(over.counts()).isEqualTo(new Counts(1, 1, 0, 0, 7, 7));
        }
        Restoration same = restoration(Resume.CONTINUE, OnModelChange.FAIL, digits);
        InFlightModel saved = model("NEW", "t");
        saved.setConstraint(new Constraint(null, "[0-9]+", null));
        same.onModel(saved);
        assertThat(same.resume(request("NEW")).generated()).hasSize(2);
        Restoration none = restoration(Resume.CONTINUE, OnModelChange.FAIL);
        assertThat(none.resume(request("NEW")).generated())
                .as("of a release that had no constraints")
                .hasSize(2);
    }

    /** Another release may mask other tokens, also where those so far fit. */
    @Test
    void underAnotherVersionOfConstraintsThoseThatHaveOneStartOver() {
        Constraint digits = new Constraint(null, "[0-9]+", null);
        for (int version : new int[] {VERSION - 1, VERSION + 1}) {
            InFlightModel saved = model("NEW", "t");
            saved.setConstraintVersion(version);
            Restoration none = restoration(Resume.CONTINUE, OnModelChange.FAIL);
            none.onModel(saved);
            assertThat(none.resume(request("NEW")).generated()).as("unconstrained").hasSize(2);
            InFlightRequest own = request("NEW");
            own.getRequest().setConstraint(digits);
            assertThat(none.resume(own)).isSameAs(Progress.NONE);
            assertThat(none.counts()).isEqualTo(new Counts(1, 1, 0, 0, 7, 7));
            Restoration jobs = restoration(Resume.CONTINUE, OnModelChange.FAIL, digits);
            saved.setConstraint(digits);
            jobs.onModel(saved);
            assertThat(jobs.resume(request("NEW"))).isSameAs(Progress.NONE);
        }
    }

    @Test
    void anotherModelIsRefusedEvenWithNothingHalfAnswered() {
        Restoration restoration = restoration(Resume.CONTINUE, OnModelChange.FAIL);
        assertThatThrownBy(() -> restoration.onModel(model("OLD", "t")))
                .isInstanceOf(SuppressRestartsException.class)
                .rootCause()
                .hasMessageContaining("saved under model old with fingerprint OLD")
                .hasMessageContaining("this is model new with fingerprint NEW")
                .hasMessageContaining("not the same: kernels)")
                .hasMessageContaining("--on-model-change restart");
    }

    @Test
    void anotherModelIsRefusedWhereOnlyARequestTellsIt() {
        Restoration restoration = restoration(Resume.RESTART, OnModelChange.FAIL);
        assertThatThrownBy(() -> restoration.resume(request("OLD")))
                .rootCause()
                .hasMessageContaining("fingerprint OLD");
    }

    @Test
    void anotherModelStartsOver() {
        Restoration restoration = restoration(Resume.CONTINUE, OnModelChange.RESTART);
        restoration.onModel(model("OLD", "another"));
        assertThat(restoration.resume(request("OLD"))).isSameAs(Progress.NONE);
        assertThat(restoration.counts()).isEqualTo(new Counts(0, 1, 0, 0, 0, 7));
    }

    @Test
    void anotherModelGoesOnAndItsPredecessorsAreRemembered() {
        Restoration restoration = restoration(Resume.CONTINUE, OnModelChange.CONTINUE);
        restoration.onModel(model("OLD", "t"));
        InFlightRequest state = request("OLD");
        state.setEarlierModels(List.of(new EarlierModel("FIRST", List.of(0, 3))));
        Progress progress = restoration.resume(state);
        assertThat(progress.generated().get(1)).hasSize(7);
        assertThat(progress.earlier())
                .containsExactly(
                        new EarlierModel("FIRST", List.of(0, 3)),
                        new EarlierModel("OLD", List.of(0, 7)));
        assertThat(restoration.counts()).isEqualTo(new Counts(0, 0, 1, 0, 7, 0));
    }

    @Test
    void aMixedAnswerStaysMixedUnderTheModelThatTookItOver() {
        Restoration restoration = restoration(Resume.CONTINUE, OnModelChange.FAIL);
        InFlightRequest state = request("NEW");
        List<EarlierModel> earlier = List.of(new EarlierModel("OLD", List.of(0, 3)));
        state.setEarlierModels(earlier);
        assertThat(restoration.resume(state).earlier()).isEqualTo(earlier);
    }

    @Test
    void tokensOfAnotherTokenizerAreNotContinued() {
        Restoration restoration = restoration(Resume.CONTINUE, OnModelChange.CONTINUE);
        assertThatThrownBy(() -> restoration.onModel(model("OLD", "another")))
                .rootCause()
                .hasMessageContaining("tokenizer, kernels)")
                .hasMessageContaining("take --on-model-change restart");
        Restoration ofAnOlderRelease = restoration(Resume.CONTINUE, OnModelChange.CONTINUE);
        assertThatThrownBy(() -> ofAnOlderRelease.resume(request("OLD")))
                .rootCause()
                .hasMessageContaining("an older release did not save");
    }

    @Test
    void whatTheNewModelCannotTakeOverStartsOver() {
        Restoration restoration = restoration(Resume.CONTINUE, OnModelChange.CONTINUE);
        restoration.onModel(model("OLD", "t"));
        InFlightRequest logprobs = request("OLD");
        logprobs.getRequest().setLogprobs(0);
        assertThat(restoration.resume(logprobs)).isSameAs(Progress.NONE);
        InFlightRequest outside = request("OLD");
        outside.setGenerated(List.of(List.of(VOCABULARY)));
        assertThat(restoration.resume(outside)).isSameAs(Progress.NONE);
        assertThat(restoration.counts()).isEqualTo(new Counts(0, 2, 0, 0, 0, 8));
    }

    @Test
    void aRequestWithoutATokenHasNothingToLose() {
        Restoration restoration = restoration(Resume.CONTINUE, OnModelChange.CONTINUE);
        InFlightRequest state = request("OLD");
        state.setGenerated(List.of(List.of(), List.of()));
        assertThat(restoration.resume(state)).isSameAs(Progress.NONE);
        assertThat(restoration.counts()).isEqualTo(new Counts(0, 0, 0, 1, 0, 0));
    }
}
