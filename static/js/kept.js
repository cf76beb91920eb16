// What a tab remembers across a reload: in its session storage, or, where a frame of another site is denied that, in the
// state of its history entry, which no other origin can read either.
export function kept(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return history.state?.kept?.[key] ?? null;
  }
}

export function keep(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    history.replaceState({ ...history.state, kept: { ...history.state?.kept, [key]: value } }, "");
  }
}
