// What a form says of a training's options; what is left empty is left to the plan.

export function optionsOf(form) {
  const { strategy, image_size: size, time_limit: limit, fast } = form.elements;
  const options = {};
  if (strategy.value) options.strategy = strategy.value;
  if (size.value) options.image_size = Number(size.value);
  if (limit.value.trim()) options.time_limit = limit.value.trim();
  if (fast.checked) options.fast = true;
  return options;
}
