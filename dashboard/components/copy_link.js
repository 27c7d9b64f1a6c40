export default function ({ parentElement }) {
  const button = parentElement.querySelector("button");
  const says = parentElement.querySelector(".says");
  button.onclick = async () => {
    await navigator.clipboard.writeText(window.location.href);
    says.textContent = "Copied";
    setTimeout(() => { says.textContent = "Copy link"; }, 1500);
  };
}
