/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a scenario step by step: decides what is accepted, offers it to each window, keeps the
 * ledger, and lets the windows look at each new watermark. */
#include <stdlib.h>
#include <string.h>

#include "oracle_internal.h"

/* The event as a reader sees it that knows `event_size` bytes of it. */
static struct oracle_event read_event(const struct scenario_datagram *datagram, __u32 index)
{
	const struct sluice_event *wire = &datagram->event[index].wire;
	bool has_id = datagram->event_size >= 40, has_more_dims = datagram->event_size >= 48;

	return (struct oracle_event){
		.field = {
			[SLUICE_FIELD_TENANT] = datagram->tenant,
			[SLUICE_FIELD_SOURCE] = datagram->source_id,
			[SLUICE_FIELD_TYPE] = wire->type,
			[SLUICE_FIELD_KEY] = wire->key,
			[SLUICE_FIELD_DIM0] = wire->dim0,
			[SLUICE_FIELD_DIM1] = wire->dim1,
			[SLUICE_FIELD_DIM2] = has_more_dims ? wire->dim2 : 0,
			[SLUICE_FIELD_DIM3] = has_more_dims ? wire->dim3 : 0,
			[SLUICE_FIELD_VALUE] = (__u64)wire->value,
		},
		.weight = wire->weight ? wire->weight : 1,
		.event_id = has_id ? wire->event_id : 0,
		.sequence = datagram->sequence,
		.epoch = datagram->epoch,
		.index = index,
		.listener = datagram->listener,
	};
}

static bool is_read(const struct oracle_window *window, const struct oracle_event *event)
{
	return window->spec->listener_mask >> event->listener & 1;
}

static bool is_selected(const struct window_spec *spec, const struct oracle_event *event)
{
	const struct window_where *where = &spec->where;
	__u64 type = event->field[SLUICE_FIELD_TYPE];
	__s64 value = (__s64)event->field[SLUICE_FIELD_VALUE];

	if (!(spec->listener_mask >> event->listener & 1))
		return false;
	if (where->has_types && !(where->type_bits[type / 64] >> (type % 64) & 1))
		return false;
	if (where->has_value_range && (value < where->value_min || value > where->value_max))
		return false;
	for (int field = 0; field < SLUICE_FIELD_VALUE; field++) {
		bool is_listed = where->field[field].count == 0;

		for (__u32 i = 0; i < where->field[field].count; i++)
			is_listed |= where->field[field].value[i] == event->field[field];
		if (!is_listed)
			return false;
	}
	return true;
}

static bool has_id(const struct oracle_window *window, const struct oracle_event *event)
{
	return window->spec->dedup == WINDOW_DEDUP_EVENT_ID && event->event_id;
}

static bool is_repeat(const struct oracle_window *window, const struct oracle_taken *taken)
{
	bool is_session = window->spec->kind == SLUICE_WINDOW_SESSION;

	if (!has_id(window, &taken->event))
		return false;
	for (size_t i = 0; i < window->taken_count; i++)
		if (window->taken[i].event.event_id == taken->event.event_id &&
		    (is_session ? oracle_session_is_same_slice(window, &window->taken[i], taken)
				: oracle_fixed_is_same_pane(window, &window->taken[i], taken)))
			return true;
	return false;
}

static bool is_late(struct oracle_window *window, const struct oracle_taken *taken)
{
	const struct oracle_event *event = &taken->event;

	if (window->spec->kind != SLUICE_WINDOW_SESSION)
		return oracle_fixed_is_late(window, event->time_ns);
	return (has_id(window, event) && oracle_session_is_late_alone(window, event)) ||
	       oracle_session_is_late(window, taken);
}

/* Does the group of another event take a place: is its state still there? */
static bool is_beside(const struct oracle *oracle, const struct oracle_window *window,
		      size_t other, const struct oracle_taken *taken)
{
	if (window->spec->kind == SLUICE_WINDOW_SESSION)
		return oracle_session_is_live(window, other);
	if (oracle->scenario->lacks & LACK_GROUPS_BY_WINDOW)
		return oracle_fixed_is_same_pane(window, &window->taken[other], taken);
	return !oracle_fixed_is_late(window, window->taken[other].event.time_ns);
}

/* True when the group of `taken` is new and there is no place for it. */
static bool is_beyond_groups(const struct oracle *oracle, const struct oracle_window *window,
			     const struct oracle_taken *taken)
{
	__u64 group[SLUICE_GROUP_FIELDS_MAX], other[SLUICE_GROUP_FIELDS_MAX];
	__u32 count = 0;

	if (window->taken_count < oracle->scenario->groups_max)
		return false;	/* so few events have no more groups: the loops are only slow */
	oracle_group(window, taken, group);
	for (size_t i = 0; i < window->taken_count; i++) {
		bool is_first = is_beside(oracle, window, i, taken) &&
				!window->taken[i].is_overflow;

		if (!is_first)
			continue;
		oracle_group(window, &window->taken[i], other);
		if (!memcmp(group, other, sizeof(group)))
			return false;
		for (size_t j = 0; j < i && is_first; j++)
			is_first = !is_beside(oracle, window, j, taken) ||
				   !oracle_has_group(window, &window->taken[j], other, false);
		count += is_first;
	}
	return count >= oracle->scenario->groups_max;
}

/* The side output has the event as it came. */
static void keep_late(struct oracle *oracle, const struct oracle_window *window,
		      const struct oracle_event *event)
{
	struct result_late *late = result_add_late(oracle->result);

	late->window = window->index;
	late->event = (struct sluice_late_event){
		.time_ns = event->time_ns,
		.key = event->field[SLUICE_FIELD_KEY],
		.value = (__s64)event->field[SLUICE_FIELD_VALUE],
		.event_id = event->event_id,
		.source_id = event->field[SLUICE_FIELD_SOURCE],
		.sequence = event->sequence,
		.epoch = event->epoch,
		.index = (__u16)event->index,
		.tenant = (__u16)event->field[SLUICE_FIELD_TENANT],
		.type = (__u16)event->field[SLUICE_FIELD_TYPE],
		.weight = (__u16)event->weight,
	};
	for (int i = 0; i < 4; i++)
		late->event.dim[i] = (__u32)event->field[SLUICE_FIELD_DIM0 + i];
}

static void offer(struct oracle *oracle, struct oracle_window *window,
		  const struct oracle_event *event)
{
	struct sluice_window_ledger *ledger = &oracle->result->window[window->index];
	struct oracle_taken taken = { .event = *event, .watermark_ns = window->watermark_ns };
	bool is_session = window->spec->kind == SLUICE_WINDOW_SESSION;

	if (is_read(window, event) && window->verdict != ORACLE_NEW) {
		ledger->duplicate_datagram++;
		return;
	}
	if (!is_selected(window->spec, event)) {
		ledger->unselected++;
		return;
	}
	taken.is_overflow = is_beyond_groups(oracle, window, &taken);
	if (is_late(window, &taken)) {
		ledger->late++;
		window->late_ns = scenario_grow(window->late_ns, window->late_count,
						sizeof(*window->late_ns));
		window->late_ns[window->late_count++] = event->time_ns;
		if (window->spec->late == WINDOW_LATE_KEEP)
			keep_late(oracle, window, event);
		return;
	}
	if (is_repeat(window, &taken)) {
		ledger->duplicate_id++;
		return;
	}
	*(taken.is_overflow ? &ledger->overflow : &ledger->aggregated) += 1;
	window->taken = scenario_grow(window->taken, window->taken_count, sizeof(taken));
	window->taken[window->taken_count++] = taken;
	if (is_session)
		oracle_session_take(window);
	else
		oracle_fixed_take(window, &taken);
}

static __int128 time_of(const struct scenario_datagram *datagram, __u32 index)
{
	return (__int128)datagram->base_time_ns +
	       (__int128)datagram->event[index].wire.time_offset_us * 1000;
}

static bool is_future(const struct oracle *oracle, const struct scenario_step *step, __u32 index)
{
	return time_of(&step->datagram, index) >
	       (__int128)step->wall_ns + oracle->scenario->max_ahead_ns;
}

/* Refused as a whole for its time: its sequence is not used up. */
static bool is_all_future(const struct oracle *oracle, const struct scenario_step *step)
{
	if (oracle->scenario->lacks & LACK_SEQUENCES_BY_SOURCE)
		return false;
	for (__u32 i = 0; i < step->datagram.event_count; i++)
		if (!step->datagram.event[i].is_dropped && !is_future(oracle, step, i))
			return false;
	return true;
}

static void take_event(struct oracle *oracle, const struct scenario_step *step, __u32 index)
{
	const struct scenario_datagram *datagram = &step->datagram;
	struct oracle_event event = read_event(datagram, index);

	if (is_future(oracle, step, index)) {
		oracle->result->stream.future++;
		oracle_missing_refuse(oracle, datagram, ORACLE_NEW, time_of(datagram, index));
		return;
	}
	event.time_ns = (__s64)time_of(datagram, index);
	oracle->result->stream.accepted++;
	oracle_source_hear(oracle,
			   oracle_source_find(oracle, datagram->listener, datagram->source_id),
			   event.time_ns, step->mono_ns);
	for (__u32 i = 0; i < oracle->scenario->window_count; i++)
		offer(oracle, &oracle->window[i], &event);
}

/* The ids of a scenario have one name each (encode.c): it is new, or known. */
static void take_name(struct oracle *oracle, __u64 id)
{
	for (size_t i = 0; i < oracle->name_count; i++) {
		if (oracle->name[i] == id) {
			oracle->result->stream.names_known++;
			return;
		}
	}
	oracle->name = scenario_grow(oracle->name, oracle->name_count, sizeof(id));
	oracle->name[oracle->name_count++] = id;
	oracle->result->stream.names_learnt++;
}

/* Windows whose memory does not reach back so far miss all of its events. */
static void refuse_stale(struct oracle *oracle, const struct scenario_datagram *datagram)
{
	for (__u32 i = 0; i < datagram->event_count; i++)
		if (!datagram->event[i].is_dropped)
			oracle_missing_refuse(oracle, datagram, ORACLE_STALE, time_of(datagram, i));
}

static void take_datagram(struct oracle *oracle, const struct scenario_step *step)
{
	const struct scenario_datagram *datagram = &step->datagram;
	__u32 kept = 0;
	__u64 *refusal;

	for (__u32 i = 0; i < datagram->event_count; i++)
		kept += !datagram->event[i].is_dropped;
	if (!kept)
		return;	/* never reaches a ring */
	oracle->result->stream.consumed_datagrams++;
	oracle->result->stream.consumed += kept;
	oracle_source_find(oracle, datagram->listener, datagram->source_id);
	oracle_missing_hear(oracle, datagram, kept, !is_all_future(oracle, step));
	if (datagram->flags & SLUICE_FLAG_DICTIONARY) {
		oracle->result->stream.dictionary += kept;
		for (__u32 i = 0; i < datagram->event_count; i++)
			take_name(oracle, datagram->event[i].wire.key);
		return;
	}
	refusal = oracle_sequence_judge(oracle, datagram);
	if (refusal) {
		*refusal += kept;
		refuse_stale(oracle, datagram);
		return;
	}
	refuse_stale(oracle, datagram);
	if (!is_all_future(oracle, step))
		oracle_sequence_remember(oracle, datagram);
	for (__u32 i = 0; i < datagram->event_count; i++)
		if (!datagram->event[i].is_dropped)
			take_event(oracle, step, i);
}

/* What is there so far, again and again while a window is open. */
static void maybe_show(struct oracle *oracle, struct oracle_window *window, __u64 mono_ns)
{
	if (!window->spec->early_ns || mono_ns < window->next_early_mono_ns)
		return;
	window->next_early_mono_ns = mono_ns + (__u64)window->spec->early_ns;
	if (window->spec->kind == SLUICE_WINDOW_SESSION)
		oracle_session_show(oracle, window);
	else
		oracle_fixed_show(oracle, window);
}

static void take_tick(struct oracle *oracle, const struct scenario_step *step)
{
	for (__u32 i = 0; i < oracle->scenario->window_count; i++) {
		struct oracle_window *window = &oracle->window[i];
		__s64 watermark_ns = step->watermark_ns;

		if (step->kind == SCENARIO_TICK)
			watermark_ns =
				oracle_watermark(oracle, window, step->wall_ns, step->mono_ns);
		if (watermark_ns > window->watermark_ns)
			window->watermark_ns = watermark_ns;
		result_add_watermark(oracle->result, window->watermark_ns);
		if (window->spec->kind == SLUICE_WINDOW_SESSION)
			oracle_session_advance(oracle, window);
		else
			oracle_fixed_advance(oracle, window);
		maybe_show(oracle, window, step->mono_ns);
	}
}

static void take_finish(struct oracle *oracle)
{
	for (__u32 i = 0; i < oracle->scenario->window_count; i++) {
		struct oracle_window *window = &oracle->window[i];

		if (window->spec->kind == SLUICE_WINDOW_SESSION)
			oracle_session_finish(oracle, window);
		else
			oracle_fixed_finish(oracle, window);
	}
}

static void take_loss(struct oracle *oracle, const struct scenario_loss *loss)
{
	oracle->loss = scenario_grow(oracle->loss, oracle->loss_count, sizeof(*loss));
	oracle->loss[oracle->loss_count++] = *loss;
}

static void clear(struct oracle *oracle)
{
	for (__u32 i = 0; i < oracle->scenario->window_count; i++) {
		struct oracle_window *window = &oracle->window[i];

		for (size_t j = 0; j < window->session_count; j++)
			free(window->session[j].member);
		for (size_t j = 0; j < window->retraction_count; j++)
			free(window->retraction[j].member);
		free(window->session);
		free(window->retraction);
		free(window->interval);
		free(window->taken);
		free(window->late_ns);
	}
	free(oracle->source);
	free(oracle->sequence);
	free(oracle->name);
	free(oracle->heard);
	free(oracle->absent);
	free(oracle->refused);
	free(oracle->loss);
	free(oracle);
}

void oracle_run(const struct scenario *scenario, struct result *result)
{
	struct oracle *oracle = calloc(1, sizeof(*oracle));

	if (!oracle)
		abort();
	oracle->scenario = scenario;
	oracle->result = result;
	for (__u32 i = 0; i < scenario->window_count; i++) {
		oracle->window[i].spec = &scenario->window[i];
		oracle->window[i].index = i;
		oracle->window[i].watermark_ns = INT64_MIN;
	}
	for (size_t i = 0; i < scenario->step_count; i++) {
		oracle->step = (__u32)i;
		if (scenario->step[i].kind == SCENARIO_DATAGRAM)
			take_datagram(oracle, &scenario->step[i]);
		else if (scenario->step[i].kind == SCENARIO_FINISH)
			take_finish(oracle);
		else if (scenario->step[i].kind == SCENARIO_LOSS)
			take_loss(oracle, &scenario->step[i].loss);
		else
			take_tick(oracle, &scenario->step[i]);
	}
	oracle_missing_add_late(oracle);
	clear(oracle);
}
