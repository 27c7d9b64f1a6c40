export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  const says = parentElement.querySelector(".says");
  const field = parentElement.querySelector("input");

  // Without https a browser has no clipboard for scripts, but copies what is marked. Where it does not do that either,
  // the link stays, marked, for a person to copy.
  function marked() {
    field.value = window.location.href;
    field.hidden = false;
    field.select();
    field.hidden = document.execCommand("copy");
    return field.hidden;
  }

  button.onclick = async () => {
    const copying = navigator.clipboard?.writeText(window.location.href) ?? Promise.reject();
    const copied = await copying.then(() => true, marked);
    says.textContent = copied ? "Copied" : "Copy it by hand";
    setTimeout(() => { says.textContent = "Copy link"; }, 1500);
  };
}
