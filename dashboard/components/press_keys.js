// Before the page itself hears of a key: a slider that was moved last would take it for its own.
export default function ({ data, parentElement }) {
  const press = (event) => {
    const button = document.querySelector(`.st-key-${data[event.key]} button`);
    if (!button || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) button.click();
  };
  const forget = () => window.removeEventListener("keydown", parentElement.press, true);
  forget();
  window.addEventListener("keydown", (parentElement.press = press), true);
  return forget;
}
